variables {
  project_id = "symphainy-test"
  region     = "europe-west3"
  image      = "europe-west3-docker.pkg.dev/symphainy-test/symphainy/runtime@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  functions = {
    ingest_file = {
      name               = "ingest_file"
      kind               = "intent"
      triggers           = { http = "/content/ingest_file", topic = "symphainy-intents.content.ingest_file" }
      memory_mb          = 512
      cpu                = 1
      timeout_seconds    = 3600
      concurrency        = 40
      min_instances      = 0
      max_instances      = 20
      calls_runner       = false
      environment        = { MODE = "production" }
      environment_needed = ["OIDC_ISSUER"]
      secrets            = ["REDIS_URL"]
    }
    runtime_api = {
      name               = "runtime_api"
      kind               = "api"
      triggers           = { http = "/" }
      memory_mb          = 512
      cpu                = 1
      timeout_seconds    = 3600
      concurrency        = 80
      min_instances      = 0
      max_instances      = 100
      calls_runner       = true
      environment        = { MODE = "production" }
      environment_needed = []
      secrets            = []
    }
    recovery_sweep = {
      name               = "recovery_sweep"
      kind               = "job"
      triggers           = { http = "/", schedule = "* * * * *" }
      memory_mb          = 512
      cpu                = 1
      timeout_seconds    = 600
      concurrency        = 1
      min_instances      = 0
      max_instances      = 2
      calls_runner       = true
      environment        = { MODE = "production" }
      environment_needed = []
      secrets            = ["REDIS_URL"]
    }
  }
  service_accounts = {
    ingest_file    = { email = "i@symphainy-test.iam.gserviceaccount.com", member = "serviceAccount:i@symphainy-test.iam.gserviceaccount.com" }
    runtime_api    = { email = "r@symphainy-test.iam.gserviceaccount.com", member = "serviceAccount:r@symphainy-test.iam.gserviceaccount.com" }
    recovery_sweep = { email = "s@symphainy-test.iam.gserviceaccount.com", member = "serviceAccount:s@symphainy-test.iam.gserviceaccount.com" }
  }
  environment = { OIDC_ISSUER = "https://issuer.example.com" }
  secrets     = { REDIS_URL = { secret = "REDIS_URL", version = "3" } }
  exposure    = "edge"
  job_invoker = "serviceAccount:scheduler@symphainy-test.iam.gserviceaccount.com"
}

run "a_service_for_each_function_that_runs_its_bundle_as_its_account" {
  command = plan

  assert {
    condition     = { for name, service in google_cloud_run_v2_service.this : name => service.template[0].containers[0].args } == { for name in keys(var.functions) : name => tolist([name]) }
    error_message = "A service runs another bundle."
  }

  assert {
    condition     = alltrue([for name, service in google_cloud_run_v2_service.this : service.template[0].service_account == var.service_accounts[name].email])
    error_message = "A service runs as another account."
  }

  assert {
    condition     = google_cloud_run_v2_service.this["ingest_file"].name == "ingest-file" && google_cloud_run_v2_service.this["ingest_file"].template[0].scaling[0].max_instance_count == 20
    error_message = "It is not what the manifest says."
  }
}

run "a_secret_comes_by_version_to_those_that_list_it" {
  command = plan

  assert {
    condition = {
      for name, service in google_cloud_run_v2_service.this : name => [
        for env in service.template[0].containers[0].env : env.value_source[0].secret_key_ref[0].version if env.name == "REDIS_URL"
      ]
    } == { ingest_file = ["3"], runtime_api = [], recovery_sweep = ["3"] }
    error_message = "The secret goes to another function, or by another version."
  }
}

run "behind_the_edge_functions_check_callers_and_jobs_are_called_by_the_scheduler" {
  command = plan

  assert {
    condition     = alltrue([for name in ["ingest_file", "runtime_api"] : google_cloud_run_v2_service.this[name].ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" && google_cloud_run_v2_service.this[name].invoker_iam_disabled])
    error_message = "Callers come by the load balancer, with tokens that are not Google's."
  }

  assert {
    condition     = google_cloud_run_v2_service.this["recovery_sweep"].ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY" && !google_cloud_run_v2_service.this["recovery_sweep"].invoker_iam_disabled
    error_message = "A job checks nobody, so Cloud Run has to."
  }

  assert {
    condition     = { for name, binding in google_cloud_run_v2_service_iam_binding.invokers : name => binding.members } == { recovery_sweep = toset([var.job_invoker]) }
    error_message = "Somebody else calls jobs."
  }
}

run "without_an_edge_the_api_asks_who_calls_and_intents_take_pushes_only" {
  command = plan

  variables {
    exposure     = "internal"
    api_invokers = ["group:developers@example.com"]
  }

  assert {
    condition     = google_cloud_run_v2_service.this["runtime_api"].ingress == "INGRESS_TRAFFIC_ALL" && !google_cloud_run_v2_service.this["runtime_api"].invoker_iam_disabled
    error_message = "Anybody on the internet would get to the API."
  }

  assert {
    condition     = google_cloud_run_v2_service.this["ingest_file"].ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    error_message = "An intent is reachable from outside."
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers["runtime_api"].members == toset(["group:developers@example.com"])
    error_message = "Others may call the API."
  }
}

run "refuses_a_tag" {
  command = plan

  variables {
    image = "europe-west3-docker.pkg.dev/symphainy-test/symphainy/runtime:latest"
  }

  expect_failures = [var.image]
}

run "refuses_to_deploy_what_would_not_start" {
  command = plan

  variables {
    environment = {}
  }

  expect_failures = [google_cloud_run_v2_service.this["ingest_file"]]
}

run "reaches_private_addresses_through_the_network" {
  command = plan

  variables {
    network = { network = "projects/p/global/networks/n", subnetwork = "projects/p/regions/r/subnetworks/s" }
  }

  assert {
    condition     = google_cloud_run_v2_service.this["ingest_file"].template[0].vpc_access[0].egress == "PRIVATE_RANGES_ONLY"
    error_message = "All that goes out would go through the network."
  }
}

run "tells_those_that_run_guests_where_and_nobody_else" {
  command = plan

  variables {
    runner_url = "https://wasm-runner.example.com"
  }

  assert {
    condition = {
      for name, service in google_cloud_run_v2_service.this : name => {
        for env in service.template[0].containers[0].env : env.name => env.value if startswith(env.name, "WASM")
      }
      } == {
      ingest_file    = {}
      runtime_api    = { WASM = "nodes", WASM_RUNNER_URL = "https://wasm-runner.example.com" }
      recovery_sweep = { WASM = "nodes", WASM_RUNNER_URL = "https://wasm-runner.example.com" }
    }
    error_message = "Another function runs guests, or one that does is not told where."
  }
}
