output "bucket" {
  description = "The bucket's name, once the functions may use it."
  value       = google_storage_bucket.this.name
  depends_on  = [google_storage_bucket_iam_binding.writers]
}
