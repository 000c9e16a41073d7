output "dead_letter_subscription" {
  description = "The subscription in which dead letters wait for somebody to look at them, for 7 days."
  value       = google_pubsub_subscription.dead_letters.name
}

output "push_subscriptions" {
  description = "The subscriptions that push to functions, by the function's name."
  value       = { for name, subscription in google_pubsub_subscription.push : name => subscription.name }
}

output "events_topic" {
  description = "The topic's name, once it is there."
  value       = google_pubsub_topic.this[var.events_topic].name
}
