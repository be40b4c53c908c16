/* The floor: the same POST of a link in a loop around libcurl, options set once, answers thrown away.
 * usage: bare URL KEY CALLS */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static size_t ignore(char *bytes, size_t size, size_t count, void *context) {
  (void)bytes, (void)context;
  return size * count;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  char authorization[512];
  snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", argv[2]);
  CURL *curl = curl_easy_init();
  struct curl_slist *headers = NULL;
  headers = curl_slist_append(headers, authorization);
  headers = curl_slist_append(headers, "Accept: application/json");
  headers = curl_slist_append(headers, "Content-Type: application/json");
  curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "locksmith-bench");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                   "{\"type\":\"url\",\"targetUrl\":\"https://example.com/private\",\"password\":"
                   "\"share-this-separately\",\"memo\":\"Client contract\",\"redirectLimit\":3}");
  for (int calls = atoi(argv[3]); calls > 0; calls--) {
    long status = 0;
    if (curl_easy_perform(curl) != CURLE_OK) return 1;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 201) return 1;
  }
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  return 0;
}
