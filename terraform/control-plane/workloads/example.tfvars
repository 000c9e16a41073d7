project_id      = "symphainy-prod"
curator_image   = "europe-west3-docker.pkg.dev/symphainy-prod/symphainy/curator@sha256:0000000000000000000000000000000000000000000000000000000000000000"
collector_image = "europe-west3-docker.pkg.dev/symphainy-prod/symphainy/collector@sha256:0000000000000000000000000000000000000000000000000000000000000000"

# The output of the cluster's root.
accounts = {
  curator   = "control-plane-curator@symphainy-prod.iam.gserviceaccount.com"
  telemetry = "control-plane-telemetry@symphainy-prod.iam.gserviceaccount.com"
}
