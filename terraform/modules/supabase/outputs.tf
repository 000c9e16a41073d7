output "database_url" {
  description = "The pooler in transaction mode, with the password in it: no prepared statements."
  value       = replace(lookup(data.supabase_pooler.this.url, "transaction", ""), "[YOUR-PASSWORD]", urlencode(var.database_password))
  sensitive   = true
}

output "issuer" {
  description = "Supabase Auth as the issuer of tenants' tokens: an OIDC_ISSUER."
  value       = "https://${supabase_project.this.id}.supabase.co/auth/v1"
}
