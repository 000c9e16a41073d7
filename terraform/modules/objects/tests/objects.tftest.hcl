variables {
  project_id = "symphainy-test"
  name       = "symphainy-test-objects"
  location   = "europe-west3"
  writers    = ["serviceAccount:one@symphainy-test.iam.gserviceaccount.com"]
}

run "is_closed_and_cleared_of_what_is_left_behind" {
  command = plan

  assert {
    condition     = google_storage_bucket.this.uniform_bucket_level_access && google_storage_bucket.this.public_access_prevention == "enforced"
    error_message = "Objects may be opened to the public."
  }

  assert {
    condition = { for rule in google_storage_bucket.this.lifecycle_rule : try(one(rule.condition).matches_prefix[0], "parts") => one(rule.condition).age } == {
      "uploads/"  = 7
      "incoming/" = 1
      "parts"     = 1
    }
    error_message = "ADR 0012 says otherwise."
  }

  assert {
    condition     = length(google_storage_bucket.this.cors) == 0 && !google_storage_bucket.this.force_destroy
    error_message = "No page may use it, and it is not destroyed with objects in it, unless somebody says so."
  }
}

run "pages_upload_by_signed_urls" {
  command = plan

  variables {
    cors_origins = ["https://app.example.com"]
  }

  assert {
    condition     = contains(google_storage_bucket.this.cors[0].method, "PUT") && contains(google_storage_bucket.this.cors[0].response_header, "x-goog-if-generation-match")
    error_message = "A browser could not send what a signed upload wants."
  }
}

run "refuses_any_page" {
  command = plan

  variables {
    cors_origins = ["*"]
  }

  expect_failures = [var.cors_origins]
}
