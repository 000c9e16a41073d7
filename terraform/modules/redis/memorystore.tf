locals {
  memorystore = var.kind == "memorystore" ? toset(["this"]) : toset([])
}

resource "google_compute_network" "this" {
  for_each = local.memorystore

  project                 = var.project_id
  name                    = var.name
  auto_create_subnetworks = false
}

# Cloud Run takes an address for each instance, and keeps some in hand for revisions that change places.
resource "google_compute_subnetwork" "functions" {
  for_each = local.memorystore

  project                  = var.project_id
  region                   = var.region
  name                     = "${var.name}-functions"
  network                  = google_compute_network.this["this"].id
  ip_cidr_range            = "10.8.0.0/20"
  private_ip_google_access = true
}

resource "google_compute_global_address" "services" {
  for_each = local.memorystore

  project       = var.project_id
  name          = "${var.name}-services"
  network       = google_compute_network.this["this"].id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 24
}

resource "google_service_networking_connection" "this" {
  for_each = local.memorystore

  network                 = google_compute_network.this["this"].id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services["this"].name]
}

resource "google_redis_instance" "this" {
  for_each = local.memorystore

  project            = var.project_id
  region             = var.region
  name               = var.name
  tier               = var.highly_available ? "STANDARD_HA" : "BASIC"
  memory_size_gb     = var.memory_gb
  redis_version      = "REDIS_7_2"
  authorized_network = google_compute_network.this["this"].id
  connect_mode       = "PRIVATE_SERVICE_ACCESS"
  auth_enabled       = true
  # Its certificates are of an authority of its own, which REDIS_URL cannot name: the private network and the password protect it.
  transit_encryption_mode = "DISABLED"

  redis_configs = {
    maxmemory-policy = "noeviction"
  }

  depends_on = [google_service_networking_connection.this]
}
