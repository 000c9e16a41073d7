variables {
  project_id         = "symphainy-test"
  functions          = ["ingest_file", "create_deterministic_embeddings", "create_deterministic_embeddings_again"]
  firestore_database = "(default)"
}

run "an_account_for_each_function" {
  command = apply

  assert {
    condition     = length(distinct([for account in output.functions : account.email])) == 3
    error_message = "Two functions share an account."
  }

  assert {
    condition     = google_service_account.function["ingest_file"].account_id == "fn-ingest-file"
    error_message = "A short name is kept as it is."
  }

  assert {
    condition     = alltrue([for account in google_service_account.function : can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", account.account_id))])
    error_message = "A long name is cut to what an account may be called."
  }

  assert {
    condition     = output.ci == null && length(google_project_iam_member.ci_apply) == 0
    error_message = "Without a repository no workflow may act here."
  }
}

run "a_function_may_use_its_database_and_no_other" {
  command = apply

  assert {
    condition = alltrue([
      for grant in google_project_iam_member.firestore :
      grant.condition[0].expression == "resource.name == \"projects/symphainy-test/databases/(default)\""
    ])
    error_message = "The grant is for every database of the project."
  }
}

run "workflows_of_the_repository_plan_and_those_of_the_release_branch_apply" {
  command = apply

  variables {
    repository = "example/symphainy"
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github["this"].attribute_condition == "assertion.repository == \"example/symphainy\""
    error_message = "Workflows of other repositories would get tokens."
  }

  assert {
    condition     = endswith(google_service_account_iam_member.ci_apply["this"].member, "/attribute.ref/refs/heads/main")
    error_message = "Workflows of any branch could apply."
  }

  assert {
    condition     = alltrue([for grant in google_project_iam_member.ci_apply : !contains(["roles/owner", "roles/editor"], grant.role)])
    error_message = "CI may do anything."
  }
}

run "refuses_what_is_no_repository" {
  command = plan

  variables {
    repository = "https://github.com/example/symphainy"
  }

  expect_failures = [var.repository]
}
