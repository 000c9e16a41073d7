variables {
  project_id = "symphainy-test"
}

run "enables_what_is_always_needed_and_what_is_asked_for" {
  command = plan

  variables {
    services = ["redis.googleapis.com"]
  }

  assert {
    condition = alltrue([
      for service in ["run", "pubsub", "firestore", "secretmanager", "cloudscheduler", "redis"] :
      contains(keys(google_project_service.this), "${service}.googleapis.com")
    ])
    error_message = "An API is not enabled."
  }

  assert {
    condition     = alltrue([for service in google_project_service.this : service.disable_on_destroy == false])
    error_message = "Destroying would disable an API that others use."
  }
}

run "refuses_what_is_no_project" {
  command = plan

  variables {
    project_id = "No Project"
  }

  expect_failures = [var.project_id]
}

run "refuses_what_is_no_api" {
  command = plan

  variables {
    services = ["redis"]
  }

  expect_failures = [var.services]
}
