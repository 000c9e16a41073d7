output "url" {
  description = "The API. Callers prove themselves to Google in X-Serverless-Authorization, and to the runtime in Authorization."
  value       = module.runtime.url
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
