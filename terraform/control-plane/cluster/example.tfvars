project_id = "symphainy-prod"
operators  = { office = "198.51.100.0/24" }
