import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;

/** `server PORT`, `client PORT`, or `socket PORT`: the JVM's own HTTP, and a plain Socket. */
public class Http {
	public static void main(String[] args) throws Exception {
		int port = Integer.parseInt(args[1]);
		switch (args[0]) {
		case "server" -> serve(port);
		case "client" -> ask(port);
		default -> readToEnd(port);
		}
	}

	static void serve(int port) throws Exception {
		var server = HttpServer.create(
				new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 200);
		server.setExecutor(Executors.newFixedThreadPool(4));
		server.createContext("/", exchange -> {
			int asked = Integer.parseInt(exchange.getRequestURI().getPath().substring(1));
			int got = exchange.getRequestBody().readAllBytes().length;
			byte[] body = new byte[asked];
			Arrays.fill(body, (byte) ('0' + got % 10));
			exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
			exchange.getResponseBody().write(body);
			exchange.close();
		});
		/* No answer: the end of the connection is all that the client is told. */
		server.createContext("/never", exchange -> {
			throw new IllegalStateException("no answer");
		});
		server.start();
	}

	static HttpRequest.Builder request(int port, String path) {
		return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
	}

	static void ask(int port) throws Exception {
		var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
				.connectTimeout(Duration.ofSeconds(30)).build();
		var text = HttpResponse.BodyHandlers.ofByteArray();
		for (int size : new int[] {1, 1000, 8 << 20}) {
			var answer = client.send(request(port, "/" + size).build(), text);
			System.out.println(answer.statusCode() + " " + answer.body().length);
		}
		var upload = request(port, "/3").POST(HttpRequest.BodyPublishers.ofByteArray(new byte[8 << 20]));
		System.out.println(new String(client.send(upload.build(), text).body()));
		var all = IntStream.range(1, 101)
				.mapToObj(size -> client.sendAsync(request(port, "/" + size).build(), text))
				.toList();
		CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).join();
		System.out.println(all.stream().mapToInt(answer -> answer.join().body().length).sum());
	}

	static void readToEnd(int port) throws Exception {
		try (var socket = new java.net.Socket("127.0.0.1", port)) {
			socket.getOutputStream().write("GET /never HTTP/1.0\r\n\r\n".getBytes());
			System.out.println(socket.getInputStream().readAllBytes().length);
		}
	}
}
