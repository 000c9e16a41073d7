variables {
  project_id      = "symphainy-test"
  region          = "europe-west3"
  name            = "symphainy"
  domain          = "api.example.com"
  api_service     = "runtime-api"
  intent_services = { "/content/ingest_file" = "ingest-file" }
}

run "leads_an_intents_path_to_its_function_and_the_rest_to_the_api" {
  command = apply

  assert {
    condition = (
      google_compute_url_map.this.path_matcher[0].path_rule[0].paths == toset(["/content/ingest_file"])
      && google_compute_url_map.this.path_matcher[0].path_rule[0].service == google_compute_backend_service.this["/content/ingest_file"].id
    )
    error_message = "The path leads elsewhere."
  }

  assert {
    condition     = google_compute_url_map.this.default_service == google_compute_backend_service.this["/"].id && google_compute_region_network_endpoint_group.this["/"].cloud_run[0].service == "runtime-api"
    error_message = "What is no intent's goes to the API."
  }
}

run "everything_passes_cloud_armor_and_is_encrypted" {
  command = apply

  assert {
    condition     = alltrue([for backend in google_compute_backend_service.this : backend.security_policy == google_compute_security_policy.this.id])
    error_message = "A function can be reached past Cloud Armor."
  }

  assert {
    condition     = google_compute_ssl_policy.this.min_tls_version == "TLS_1_2" && google_compute_url_map.to_https.default_url_redirect[0].https_redirect
    error_message = "Tokens would travel in the open."
  }
}

run "refuses_what_is_no_domain" {
  command = plan

  variables {
    domain = "https://api.example.com/"
  }

  expect_failures = [var.domain]
}
