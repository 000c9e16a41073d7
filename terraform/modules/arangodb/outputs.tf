output "deployment_id" {
  description = "The deployment's id. The provider tells neither its URL nor its password: read them in the dashboard, and give them as variables."
  value       = oasis_deployment.this.id
}
