terraform {
  required_version = ">= 1.11, < 2.0"

  # The bucket is given to init: terraform init -backend-config=bucket=PROJECT-terraform
  backend "gcs" {
    prefix = "symphainy/control-plane/cluster"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}
