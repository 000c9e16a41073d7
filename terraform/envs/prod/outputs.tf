output "url" {
  description = "Where callers find the runtime."
  value       = module.runtime.url
}

output "address" {
  description = "The address that the domain's A record must lead to."
  value       = module.runtime.address
}

output "image_repository" {
  description = "Where images are pushed to."
  value       = module.runtime.image_repository
}

output "bucket" {
  description = "The bucket of the objects."
  value       = module.runtime.bucket
}

output "ci" {
  description = "What a workflow names to act here; null without a repository."
  value       = module.runtime.ci
}

output "arangodb_deployment_id" {
  description = "The id of ArangoDB's deployment; null without one."
  value       = module.runtime.arangodb_deployment_id
}
