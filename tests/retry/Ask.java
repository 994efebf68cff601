import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/** `(client|url) PORT FIRST COUNT [METHOD...]`: as blocking.py, by HttpClient or HttpURLConnection. */
public class Ask {
	static final Set<String> WITH_BODY = Set.of("PUT", "POST");
	static final int TIMEOUT = (int) (Double.parseDouble(System.getenv().getOrDefault("TIMEOUT", "60")) * 1000);
	static final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

	public static void main(String[] args) {
		String base = "http://127.0.0.1:" + args[1];
		int first = Integer.parseInt(args[2]);
		int count = Integer.parseInt(args[3]);
		String[] methods = args.length > 4 ? Arrays.copyOfRange(args, 4, args.length) : new String[] {"GET"};
		Map<String, int[]> results = new LinkedHashMap<>();
		Map<String, Integer> errors = new TreeMap<>();
		for (int turn = 0; turn < count; turn++) {
			String method = methods[turn % methods.length];
			int number = first + turn;
			String path = "/r/" + number + "/" + number % 50;
			String body = WITH_BODY.contains(method) ? path.repeat(number % 20) : null;
			String wanted = method.equals("HEAD") ? "" : path.repeat(number % 50);
			int what;
			try {
				String got = args[0].equals("client") ? byClient(base + path, method, body)
						: byUrl(base + path, method, body);
				what = got.equals(wanted) ? 0 : 2;
			} catch (Exception error) {
				what = 1;
				errors.merge(method + " " + error + why(error), 1, Integer::sum);
			}
			results.computeIfAbsent(method, key -> new int[3])[what]++;
		}
		results.forEach((method, n) ->
				System.out.println(method + " ok=" + n[0] + " failed=" + n[1] + " wrong=" + n[2]));
		errors.forEach((error, n) -> System.err.println(n + " " + error));
		System.exit(0);
	}

	/** What it came of, when that says something else. */
	static String why(Throwable error) {
		Throwable root = error;
		while (root.getCause() != null) {
			root = root.getCause();
		}
		return Objects.equals(root.getMessage(), error.getMessage()) ? "" : ": " + root.getMessage();
	}

	static String byClient(String url, String method, String body) throws Exception {
		var publisher = body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body);
		var request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofMillis(TIMEOUT))
				.method(method, publisher).build();
		return client.send(request, BodyHandlers.ofString()).body();
	}

	static String byUrl(String url, String method, String body) throws Exception {
		var connection = (HttpURLConnection) new URL(url).openConnection();
		connection.setRequestMethod(method);
		connection.setReadTimeout(TIMEOUT);
		if (body != null) {
			connection.setDoOutput(true);
			connection.getOutputStream().write(body.getBytes());
		}
		try (var in = connection.getInputStream()) {
			return new String(in.readAllBytes());
		}
	}
}
