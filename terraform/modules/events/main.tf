data "google_project" "this" {
  project_id = var.project_id
}

locals {
  # Pub/Sub itself moves what it gives up, and needs rights on both sides of it.
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  # Pub/Sub waits for the answer to a push for ten minutes at the most.
  longest_push_seconds = 600
  topics               = setunion([var.events_topic, var.dead_letter_topic], [for intent in values(var.intents) : intent.topic])
  publishers = {
    for topic in local.topics : topic => setunion(
      var.publishers,
      lookup(var.producers, topic, []),
      topic == var.dead_letter_topic ? [local.pubsub_agent] : [],
    )
  }
}

resource "google_pubsub_topic" "this" {
  for_each = local.topics

  project = var.project_id
  name    = each.value
  labels  = var.labels
}

# A binding, not members: who publishes to an intent's topic speaks for every tenant (ADR 0016), so the list is this one and no other.
resource "google_pubsub_topic_iam_binding" "publishers" {
  for_each = local.topics

  project = var.project_id
  topic   = google_pubsub_topic.this[each.value].name
  role    = "roles/pubsub.publisher"
  members = local.publishers[each.value]
}

# Readiness asks whether the events topic is there.
resource "google_pubsub_topic_iam_binding" "readiness" {
  project = var.project_id
  topic   = google_pubsub_topic.this[var.events_topic].name
  role    = "roles/pubsub.viewer"
  members = var.publishers
}

resource "google_pubsub_subscription" "push" {
  for_each = var.intents

  project = var.project_id
  name    = each.key
  topic   = google_pubsub_topic.this[each.value.topic].id
  labels  = var.labels

  ack_deadline_seconds       = min(each.value.timeout_seconds, local.longest_push_seconds)
  message_retention_duration = "604800s" # 7 days
  # In order, one refused message would hold back those behind it; executions keep their own order.
  enable_message_ordering = false

  push_config {
    # A function reads from the path which topic it is; Cloud Run passes any path on.
    push_endpoint = "${each.value.uri}/projects/${var.project_id}/topics/${each.value.topic}"

    oidc_token {
      service_account_email = var.push_service_account
      audience              = var.push_audience
    }
  }

  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "60s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.this[var.dead_letter_topic].id
    max_delivery_attempts = var.max_delivery_attempts
  }

  expiration_policy {
    ttl = "" # never
  }

  depends_on = [google_pubsub_topic_iam_binding.publishers]
}

resource "google_pubsub_subscription" "consumer" {
  for_each = var.event_consumers

  project = var.project_id
  name    = each.key
  topic   = google_pubsub_topic.this[var.events_topic].id
  labels  = var.labels

  ack_deadline_seconds       = 60
  message_retention_duration = "604800s" # 7 days
  # The ordering key of an event is its execution.
  enable_message_ordering = true

  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "60s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.this[var.dead_letter_topic].id
    max_delivery_attempts = var.max_delivery_attempts
  }

  expiration_policy {
    ttl = "" # never
  }

  depends_on = [google_pubsub_topic_iam_binding.publishers]
}

# Without a subscription dead letters would be lost: Pub/Sub keeps nothing that nobody waits for.
resource "google_pubsub_subscription" "dead_letters" {
  project = var.project_id
  name    = var.dead_letter_topic
  topic   = google_pubsub_topic.this[var.dead_letter_topic].id
  labels  = var.labels

  ack_deadline_seconds       = 60
  message_retention_duration = "604800s" # 7 days

  expiration_policy {
    ttl = "" # never
  }
}

resource "google_pubsub_subscription_iam_member" "pubsub_agent" {
  for_each = merge(google_pubsub_subscription.push, google_pubsub_subscription.consumer)

  project      = var.project_id
  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "consumer" {
  for_each = {
    for pair in flatten([for name, members in var.event_consumers : [for member in members : { name = name, member = member }]]) :
    "${pair.name}/${pair.member}" => pair
  }

  project      = var.project_id
  subscription = google_pubsub_subscription.consumer[each.value.name].name
  role         = "roles/pubsub.subscriber"
  member       = each.value.member
}
