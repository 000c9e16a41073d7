locals {
  # The addresses of private.googleapis.com and restricted.googleapis.com: Google routes them inside its network and announces them nowhere.
  addresses = {
    private    = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"]
    restricted = ["199.36.153.4", "199.36.153.5", "199.36.153.6", "199.36.153.7"]
  }
}

# Without Private Google Access nothing in the subnetwork reaches these addresses, and no call says why.
data "google_compute_subnetwork" "given" {
  count = var.subnetwork == null ? 0 : 1

  self_link = var.subnetwork

  lifecycle {
    postcondition {
      condition     = self.private_ip_google_access
      error_message = "The subnetwork ${var.subnetwork} has no Private Google Access: services could not reach each other through it."
    }
  }
}

# Whoever looks a service up in this network finds it inside. Other networks, and the internet, see what they always saw.
resource "google_dns_managed_zone" "run_app" {
  project     = var.project_id
  name        = "${var.name}-run-app"
  dns_name    = "run.app."
  description = "Cloud Run's services, reached without leaving Google's network"
  visibility  = "private"
  labels      = var.labels

  private_visibility_config {
    networks {
      network_url = var.network
    }
  }
}

resource "google_dns_record_set" "run_app" {
  project      = var.project_id
  managed_zone = google_dns_managed_zone.run_app.name
  name         = google_dns_managed_zone.run_app.dns_name
  type         = "A"
  ttl          = 300
  rrdatas      = local.addresses[var.google_access]
}

resource "google_dns_record_set" "services" {
  project      = var.project_id
  managed_zone = google_dns_managed_zone.run_app.name
  name         = "*.${google_dns_managed_zone.run_app.dns_name}"
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [google_dns_managed_zone.run_app.dns_name]
}
