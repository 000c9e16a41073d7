variables {
  project_id = "symphainy-test"
  region     = "europe-west3"
  functions = {
    a = { member = "serviceAccount:fn-a@symphainy-test.iam.gserviceaccount.com" }
    b = { member = "serviceAccount:fn-b@symphainy-test.iam.gserviceaccount.com" }
  }
}

run "functions_make_tasks_and_nobody_else" {
  command = plan

  assert {
    condition     = google_cloud_tasks_queue_iam_binding.enqueuers.role == "roles/cloudtasks.enqueuer" && google_cloud_tasks_queue_iam_binding.enqueuers.members == toset([for function in values(var.functions) : function.member])
    error_message = "A task publishes in the name of the account of timers."
  }

  assert {
    condition     = alltrue([for grant in google_service_account_iam_member.acts_as : grant.role == "roles/iam.serviceAccountUser"]) && length(google_service_account_iam_member.acts_as) == 2
    error_message = "Cloud Tasks takes a task with a token only from who may act as its account."
  }
}

run "the_queue_is_named_as_functions_are_told" {
  command = apply

  assert {
    condition     = output.environment.TIMER_QUEUE == "projects/symphainy-test/locations/europe-west3/queues/timers"
    error_message = "Functions are told the queue by its full name."
  }
}
