variables {
  project_id            = "symphainy-test"
  events_topic          = "symphainy-events"
  dead_letter_topic     = "symphainy-dead-letters"
  max_delivery_attempts = 100
  intents = {
    ingest_file = {
      topic           = "symphainy-intents.content.ingest_file"
      uri             = "https://ingest-file.a.run.app"
      timeout_seconds = 3600
    }
  }
  publishers           = ["serviceAccount:one@symphainy-test.iam.gserviceaccount.com"]
  push_audience        = "symphainy-pushes"
  push_service_account = "pushes@symphainy-test.iam.gserviceaccount.com"
}

run "pushes_each_intent_to_its_function_with_proof" {
  command = apply

  assert {
    condition     = google_pubsub_subscription.push["ingest_file"].push_config[0].push_endpoint == "https://ingest-file.a.run.app/projects/symphainy-test/topics/symphainy-intents.content.ingest_file"
    error_message = "A function reads its topic from the path."
  }

  assert {
    condition     = google_pubsub_subscription.push["ingest_file"].push_config[0].oidc_token[0].audience == "symphainy-pushes"
    error_message = "Functions would refuse each push."
  }

  assert {
    condition     = google_pubsub_subscription.push["ingest_file"].ack_deadline_seconds == 600
    error_message = "Pub/Sub waits for ten minutes at the most."
  }
}

run "what_is_given_up_becomes_a_dead_letter_that_somebody_waits_for" {
  command = apply

  assert {
    condition     = google_pubsub_subscription.push["ingest_file"].dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "ADR 0013 says 100."
  }

  assert {
    condition     = google_pubsub_subscription.dead_letters.topic == google_pubsub_topic.this["symphainy-dead-letters"].id && google_pubsub_subscription.dead_letters.expiration_policy[0].ttl == ""
    error_message = "Dead letters are lost."
  }

  assert {
    condition     = contains(google_pubsub_topic_iam_binding.publishers["symphainy-dead-letters"].members, local.pubsub_agent) && google_pubsub_subscription_iam_member.pubsub_agent["ingest_file"].member == local.pubsub_agent
    error_message = "Pub/Sub may not move it."
  }
}

run "producers_publish_to_their_intent_and_nowhere_else" {
  command = apply

  variables {
    producers = { "symphainy-intents.content.ingest_file" = ["serviceAccount:producer@example.iam.gserviceaccount.com"] }
  }

  assert {
    condition = [
      for topic, binding in google_pubsub_topic_iam_binding.publishers : topic
      if contains(binding.members, "serviceAccount:producer@example.iam.gserviceaccount.com")
    ] == ["symphainy-intents.content.ingest_file"]
    error_message = "It may publish elsewhere, or not at all."
  }
}

run "consumers_get_events_of_an_execution_in_order" {
  command = apply

  variables {
    event_consumers = { warehouse = ["serviceAccount:warehouse@example.iam.gserviceaccount.com"] }
  }

  assert {
    condition     = google_pubsub_subscription.consumer["warehouse"].enable_message_ordering && length(google_pubsub_subscription.consumer["warehouse"].dead_letter_policy) == 1
    error_message = "Events come in any order, or one that is refused is refused for ever."
  }
}

run "refuses_producers_of_intents_that_there_are_not" {
  command = plan

  variables {
    producers = { "symphainy-intents.content.none" = [] }
  }

  expect_failures = [var.producers]
}
