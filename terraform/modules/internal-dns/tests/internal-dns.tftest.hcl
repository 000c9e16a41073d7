variables {
  project_id = "symphainy-test"
  name       = "symphainy-test"
  network    = "projects/symphainy-test/global/networks/n"
}

run "leads_every_service_inside_for_one_network_alone" {
  command = apply

  assert {
    condition     = google_dns_managed_zone.run_app.visibility == "private" && google_dns_managed_zone.run_app.dns_name == "run.app." && [for network in google_dns_managed_zone.run_app.private_visibility_config[0].networks : network.network_url] == [var.network]
    error_message = "The zone is seen elsewhere, or not there."
  }

  assert {
    condition     = google_dns_record_set.services.name == "*.run.app." && google_dns_record_set.services.rrdatas == tolist(["run.app."])
    error_message = "A service's name leads elsewhere."
  }

  assert {
    condition     = toset(google_dns_record_set.run_app.rrdatas) == toset([for last in range(8, 12) : "199.36.153.${last}"])
    error_message = "The name leads out of the network."
  }
}

run "leads_to_the_restricted_addresses_where_a_perimeter_asks_for_it" {
  command = plan

  variables {
    google_access = "restricted"
  }

  assert {
    condition     = toset(google_dns_record_set.run_app.rrdatas) == toset([for last in range(4, 8) : "199.36.153.${last}"])
    error_message = "A perimeter would refuse the call."
  }
}

run "takes_a_subnetwork_with_private_google_access" {
  command = plan

  variables {
    subnetwork = "projects/symphainy-test/regions/r/subnetworks/s"
  }

  assert {
    condition     = length(data.google_compute_subnetwork.given) == 1
    error_message = "Nobody looked at the subnetwork."
  }
}

run "refuses_a_subnetwork_that_cannot_reach_google" {
  command = plan

  variables {
    subnetwork = "projects/symphainy-test/regions/r/subnetworks/s"
  }

  override_data {
    target = data.google_compute_subnetwork.given
    values = { private_ip_google_access = false }
  }

  expect_failures = [data.google_compute_subnetwork.given]
}

run "refuses_a_network_by_its_short_name" {
  command = plan

  variables {
    network = "default"
  }

  expect_failures = [var.network]
}

run "refuses_another_way" {
  command = plan

  variables {
    google_access = "public"
  }

  expect_failures = [var.google_access]
}
