output "database" {
  description = "The database's id, once it can be queried: its indexes are built and its rules hold."
  value       = google_firestore_database.this.name
  depends_on  = [google_firestore_index.this, google_firestore_field.this, google_firebaserules_release.this]
}

output "ttl_fields" {
  description = "The fields by which Firestore deletes what has expired."
  value       = sort([for name, field in local.fields : name if try(field.ttl, false)])
}
