# Copy to a file of your own (*.auto.tfvars is read by itself). Secrets come as TF_VAR_upstash_api_key, never from a file.
project_id    = "symphainy-dev"
region        = "europe-west3"
image         = "europe-west3-docker.pkg.dev/symphainy-dev/symphainy/runtime@sha256:0000000000000000000000000000000000000000000000000000000000000000"
developers    = ["group:developers@example.com"]
upstash_email = "platform@example.com"

# Without it there are no alerts, which are billed by the condition.
alert_emails = ["developers@example.com"]

oidc = {
  issuer   = "https://issuer.example.com"
  audience = "symphainy"
}

settings = {
  LOG_LEVEL = "debug"
}
