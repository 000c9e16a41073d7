# Copy to a file of your own (*.auto.tfvars is read by itself). Secrets come as TF_VAR_..., never from a file.
project_id    = "symphainy-prod"
region        = "europe-west3"
image         = "europe-west3-docker.pkg.dev/symphainy-prod/symphainy/runtime@sha256:0000000000000000000000000000000000000000000000000000000000000000"
domain        = "api.example.com"
repository    = "example/symphainy"
cors_origins  = ["https://app.example.com"]
alert_emails  = ["on-call@example.com"]
upstash_email = "platform@example.com"

supabase = {
  organization_id = "example-organization"
  region          = "eu-central-1"
  instance_size   = "small"
}

oidc = {
  issuer   = "https://issuer.example.com"
  audience = "symphainy"
}

settings = {
  RATE_INTENTS_PER_TENANT  = "1000/60s"
  QUOTA_EXECUTIONS_PER_DAY = "1000000"
  TENANT_LIMITS            = "{\"acme\":{\"RATE_INTENTS_PER_TENANT\":\"5000/60s\"}}"
}

# Who may publish intents from outside, by intent type. Whoever may publish may name any tenant (ADR 0016).
producers = {
  "content.ingest_file" = ["serviceAccount:scanner@example-producer.iam.gserviceaccount.com"]
}

# Who may pull events.
event_consumers = {
  warehouse = ["serviceAccount:warehouse@example-consumer.iam.gserviceaccount.com"]
}
