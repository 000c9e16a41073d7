provider "upstash" {
  email   = "ops@example.com"
  api_key = "key"
}

variables {
  project_id    = "symphainy-test"
  environment   = "dev"
  region        = "europe-west3"
  manifest_file = "../../../infra/schema/functions.manifest.json"
  index_file    = "../../../infra/schema/firestore.indexes.json"
  rules_file    = "../../../infra/schema/firestore.rules"
  image         = "europe-west3-docker.pkg.dev/symphainy-test/symphainy/runtime@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  oidc          = { issuer = "https://issuer.example.com", audience = "symphainy" }
  redis         = { kind = "upstash" }
}

run "is_a_whole_runtime_without_an_edge" {
  command = plan

  # It says so, and goes on: a developer may do without.
  expect_failures = [check.data_is_shared]

  assert {
    condition     = output.address == null && output.ci == null
    error_message = "Nobody asked for an edge or for CI."
  }
}

run "refuses_to_log_less_than_alerts_read" {
  command = plan

  variables {
    settings = { LOG_LEVEL = "error" }
  }

  expect_failures = [var.settings, check.data_is_shared]
}

run "refuses_secrets_among_settings" {
  command = plan

  variables {
    settings = { REDIS_URL = "redis://:password@example.com" }
  }

  expect_failures = [var.settings, check.data_is_shared]
}

run "refuses_guests_without_a_network_to_their_runner" {
  command = plan

  variables {
    takes_guests = true
  }

  expect_failures = [var.takes_guests, check.data_is_shared]
}

run "takes_guests_where_there_is_a_network" {
  command = plan

  variables {
    takes_guests = true
    network      = { network = "projects/p/global/networks/n", subnetwork = "projects/p/regions/r/subnetworks/s" }
  }

  expect_failures = [check.data_is_shared]

  assert {
    condition     = length(module.wasm_runner) == 1
    error_message = "Guests are taken, and nothing runs them."
  }

  assert {
    condition     = length(module.internal_dns) == 1
    error_message = "Guests are taken, and their runner is not found inside."
  }
}

run "leaves_a_zone_alone_that_a_network_has" {
  command = plan

  variables {
    takes_guests = true
    network      = { network = "projects/p/global/networks/n", subnetwork = "projects/p/regions/r/subnetworks/s", has_run_app_zone = true }
  }

  expect_failures = [check.data_is_shared]

  assert {
    condition     = length(module.wasm_runner) == 1 && length(module.internal_dns) == 0
    error_message = "A network has one zone of a name: the apply would fail."
  }
}

run "refuses_a_second_network_beside_that_of_memorystore" {
  command = plan

  variables {
    redis   = { kind = "memorystore" }
    network = { network = "projects/p/global/networks/n", subnetwork = "projects/p/regions/r/subnetworks/s" }
  }

  expect_failures = [var.network, check.data_is_shared]
}
