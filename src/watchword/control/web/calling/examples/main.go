package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	apiURL        = "https://acme.api.example"
	tokenEndpoint = "https://login.example/oauth2/token"
)

var parameters = url.Values{
	"grant_type": {"client_credentials"},
	"scope":      {"orders:read"},
	"resource":   {"https://api.example/orders"},
}

var client = &http.Client{Timeout: 30 * time.Second}

func send(request *http.Request) ([]byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 400 {
		// The body names the reason. With 503, wait as long as Retry-After says and try again.
		err = fmt.Errorf("%s %s", response.Status, body)
	}
	return body, err
}

func getToken() (string, error) {
	request, err := http.NewRequest("POST", tokenEndpoint, strings.NewReader(parameters.Encode()))
	if err != nil {
		return "", err
	}
	request.SetBasicAuth(os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	body, err := send(request)
	if err != nil {
		return "", err
	}
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	err = json.Unmarshal(body, &granted)
	if err == nil && granted.AccessToken == "" {
		err = errors.New("The response of the token endpoint has no access_token.")
	}
	return granted.AccessToken, err
}

func main() {
	// Use a token for all calls until shortly before it expires.
	token, err := getToken()
	if err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequest("GET", apiURL+"/orders", nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	body, err := send(request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
}
