terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    oasis = {
      source  = "arangodb-managed/oasis"
      version = "~> 2.1"
    }
  }
}
