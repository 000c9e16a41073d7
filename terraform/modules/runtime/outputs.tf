output "url" {
  description = "Where callers find the runtime."
  value       = var.domain == null ? module.functions.services[local.api].uri : one(module.edge[*].url)
}

output "address" {
  description = "The address that the domain's A record must lead to; null without a domain."
  value       = one(module.edge[*].address)
}

output "image_repository" {
  description = "Where images are pushed to."
  value       = module.images.repository
}

output "services" {
  description = "Each function's service, by the function's name."
  value       = module.functions.services
}

output "bucket" {
  description = "The bucket of the objects."
  value       = module.objects.bucket
}

output "ci" {
  description = "What a workflow names to act here; null without a repository."
  value       = module.identity.ci
}

output "arangodb_deployment_id" {
  description = "The id of ArangoDB's deployment, to find its URL and password in the dashboard; null without one."
  value       = one(module.arangodb[*].deployment_id)
}
