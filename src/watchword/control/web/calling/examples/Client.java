import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Run it with `java Client.java`; Java 11 or later. */
public class Client {
    static final String API_URL = "https://acme.api.example";
    static final String TOKEN_ENDPOINT = "https://login.example/oauth2/token";
    static final Map<String, String> PARAMETERS = Map.of(
        "grant_type", "client_credentials",
        "scope", "orders:read",
        "resource", "https://api.example/orders");
    static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    static String send(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> response =
            HTTP.send(request.timeout(Duration.ofSeconds(30)).build(), HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() >= 400) {
            // The body names the reason. With 503, wait as long as Retry-After says and try again.
            throw new IllegalStateException(response.statusCode() + " " + response.body());
        }
        return response.body();
    }

    static String getToken() throws Exception {
        String client = System.getenv("CLIENT_ID") + ":" + System.getenv("CLIENT_SECRET");
        String form = PARAMETERS.entrySet().stream()
            .map(entry -> entry.getKey() + "=" + URLEncoder.encode(entry.getValue(), StandardCharsets.UTF_8))
            .collect(Collectors.joining("&"));
        String granted = send(HttpRequest.newBuilder(URI.create(TOKEN_ENDPOINT))
            .header("Authorization", "Basic " + Base64.getEncoder().encodeToString(client.getBytes()))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(form)));
        // An application would read this with its JSON library.
        var found = Pattern.compile("\"access_token\"\\s*:\\s*\"([^\"]+)\"").matcher(granted);
        if (!found.find()) {
            throw new IllegalStateException("The response of the token endpoint has no access_token.");
        }
        return found.group(1);
    }

    public static void main(String[] args) throws Exception {
        // Use a token for all calls until shortly before it expires.
        String token = getToken();
        System.out.println(
            send(HttpRequest.newBuilder(URI.create(API_URL + "/orders")).header("Authorization", "Bearer " + token)));
    }
}
