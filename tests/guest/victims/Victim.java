import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Victim {
	public static void main(String[] args) throws Exception {
		var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
		var lines = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = lines.readLine()) != null; ) {
			var words = line.split(" ");
			var uri = URI.create("http://" + args[0] + ":" + args[1] + words[words.length - 1]);
			try {
				if (words.length == 1) {
					var answer = client.send(HttpRequest.newBuilder(uri).build(),
							HttpResponse.BodyHandlers.ofByteArray());
					System.out.println(answer.statusCode() + " " + answer.body().length);
				} else {
					upload((HttpURLConnection) uri.toURL().openConnection());
				}
			} catch (Exception error) {
				var said = new StringBuilder();
				for (Throwable each = error; each != null; each = each.getCause()) {
					said.append(each).append("; ");
				}
				System.out.println(said);
			}
		}
		System.exit(0);
	}

	static void upload(HttpURLConnection connection) throws Exception {
		connection.setDoOutput(true);
		connection.setFixedLengthStreamingMode(4 << 20);
		try (var out = connection.getOutputStream()) {
			for (int i = 0; i < 4 << 6; i++) {
				out.write(new byte[1 << 14]);
			}
		}
		System.out.println(connection.getResponseCode());
	}
}
