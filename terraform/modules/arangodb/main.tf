resource "oasis_project" "this" {
  name        = var.name
  description = "The semantic layer of ${var.name}"
}

resource "oasis_ipallowlist" "this" {
  name        = var.name
  project     = oasis_project.this.id
  cidr_ranges = var.allowed_ranges
}

# One shard: documents and edges of a tenant are joined on one server, and stream transactions are whole.
resource "oasis_deployment" "this" {
  name                          = var.name
  project                       = oasis_project.this.id
  terms_and_conditions_accepted = true
  locked                        = true

  location {
    region = var.region
  }

  configuration {
    model          = "oneshard"
    node_size_id   = var.node_size_id
    node_disk_size = var.disk_gb
  }

  security {
    ip_allowlist = oasis_ipallowlist.this.id
  }

  notification_settings {
    email_addresses = var.alert_emails
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "oasis_backup_policy" "daily" {
  name                  = "daily"
  deployment_id         = oasis_deployment.this.id
  email_notification    = "FailureOnly"
  retention_period_hour = 24 * 14
  upload                = true

  schedule {
    type = "Daily"

    daily {
      monday    = true
      tuesday   = true
      wednesday = true
      thursday  = true
      friday    = true
      saturday  = true
      sunday    = true

      schedule_at {
        hours    = 2
        minutes  = 30
        timezone = "UTC"
      }
    }
  }
}
