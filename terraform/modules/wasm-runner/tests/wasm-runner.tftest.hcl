variables {
  project_id = "symphainy-test"
  region     = "europe-west3"
  image      = "europe-west3-docker.pkg.dev/symphainy-test/symphainy/runtime@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  runner = {
    name            = "wasm_runner"
    kind            = "runner"
    memory_mb       = 2048
    cpu             = 2
    timeout_seconds = 60
    concurrency     = 40
    min_instances   = 0
    max_instances   = 20
    environment     = { MODE = "production", HOST = "0.0.0.0" }
    secrets         = []
  }
  callers = ["serviceAccount:fn-runtime-api@symphainy-test.iam.gserviceaccount.com"]
}

run "runs_the_runner_as_an_account_of_its_own_and_tells_it_nothing_but_its_mode" {
  command = apply

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].service_account == google_service_account.this.email
    error_message = "It runs as another account."
  }

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].containers[0].args == tolist(["wasm_runner"])
    error_message = "It runs another bundle."
  }

  assert {
    condition     = tomap({ for env in google_cloud_run_v2_service.this.template[0].containers[0].env : env.name => env.value }) == var.runner.environment
    error_message = "It is told more than the manifest says."
  }

  assert {
    condition     = output.url == google_cloud_run_v2_service.this.uri
    error_message = "Its callers would look elsewhere."
  }
}

run "lets_in_the_listed_callers_from_within_and_nobody_else" {
  command = plan

  assert {
    condition     = google_cloud_run_v2_service.this.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY" && !google_cloud_run_v2_service.this.invoker_iam_disabled
    error_message = "Somebody else gets to it."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.callers.members == var.callers && google_cloud_run_v2_service_iam_binding.callers.role == "roles/run.invoker"
    error_message = "Others may call it."
  }
}

run "speaks_http2_from_end_to_end" {
  command = plan

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].containers[0].ports[0].name == "h2c" && google_cloud_run_v2_service.this.template[0].containers[0].startup_probe[0].tcp_socket[0].port == 8080
    error_message = "Cloud Run would speak HTTP/1 to it."
  }
}

run "refuses_a_secret" {
  command = plan

  variables {
    runner = {
      name            = "wasm_runner"
      kind            = "runner"
      memory_mb       = 2048
      cpu             = 2
      timeout_seconds = 60
      concurrency     = 40
      min_instances   = 0
      max_instances   = 20
      environment     = {}
      secrets         = ["REDIS_URL"]
    }
  }

  expect_failures = [var.runner]
}

run "refuses_a_caller_that_is_no_service" {
  command = plan

  variables {
    callers = ["allUsers"]
  }

  expect_failures = [var.callers]
}

run "refuses_a_tag" {
  command = plan

  variables {
    image = "europe-west3-docker.pkg.dev/symphainy-test/symphainy/runtime:latest"
  }

  expect_failures = [var.image]
}
