variables {
  project_id = "symphainy-test"
  accessors = {
    REDIS_URL = ["serviceAccount:one@symphainy-test.iam.gserviceaccount.com"]
  }
  values = { REDIS_URL = "redis://:password@10.0.0.3:6379" }
}

run "keeps_the_value_out_of_the_state" {
  command = apply

  assert {
    condition     = google_secret_manager_secret_version.this["REDIS_URL"].secret_data_wo == null && google_secret_manager_secret_version.this["REDIS_URL"].secret_data == null
    error_message = "The state holds the secret."
  }

  assert {
    condition     = can(regex("^[0-9]+$", output.references["REDIS_URL"].version))
    error_message = "A reference names its version."
  }
}

run "only_its_readers_read" {
  command = apply

  assert {
    condition = (
      google_secret_manager_secret_iam_binding.readers["REDIS_URL"].role == "roles/secretmanager.secretAccessor"
      && google_secret_manager_secret_iam_binding.readers["REDIS_URL"].members == toset(["serviceAccount:one@symphainy-test.iam.gserviceaccount.com"])
    )
    error_message = "Somebody else reads it."
  }
}

run "a_new_generation_is_a_new_version" {
  command = plan

  variables {
    generations = { REDIS_URL = 2 }
  }

  assert {
    condition     = google_secret_manager_secret_version.this["REDIS_URL"].secret_data_wo_version == 2
    error_message = "The new value would not be written."
  }
}

run "refuses_names_that_are_no_variables" {
  command = plan

  variables {
    accessors = { "redis-url" = [] }
    values    = { "redis-url" = "" }
  }

  expect_failures = [var.accessors]
}
