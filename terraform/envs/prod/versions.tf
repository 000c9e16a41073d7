terraform {
  required_version = ">= 1.11, < 2.0"

  # The bucket is given to init: terraform init -backend-config=bucket=PROJECT-terraform
  backend "gcs" {
    prefix = "symphainy/prod"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
    upstash = {
      source  = "upstash/upstash"
      version = "~> 2.1"
    }
    supabase = {
      source  = "supabase/supabase"
      version = "~> 1.5"
    }
    oasis = {
      source  = "arangodb-managed/oasis"
      version = "~> 2.1"
    }
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

provider "upstash" {
  email   = var.upstash_email
  api_key = var.upstash_api_key
}

# Reads SUPABASE_ACCESS_TOKEN.
provider "supabase" {}

# Reads OASIS_API_KEY_ID and OASIS_API_KEY_SECRET.
provider "oasis" {}
