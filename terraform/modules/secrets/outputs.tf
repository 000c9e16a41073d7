output "references" {
  description = "By environment variable: the secret and the number of its version, for a function's environment."
  value = {
    for name in keys(var.accessors) : name => {
      secret  = google_secret_manager_secret.this[name].secret_id
      version = google_secret_manager_secret_version.this[name].version
    }
  }
  # A function that starts before it may read its secret does not start.
  depends_on = [google_secret_manager_secret_iam_binding.readers]
}
