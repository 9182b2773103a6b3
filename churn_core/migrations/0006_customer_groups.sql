CREATE TABLE "customer_groups" ("customer_id" VARCHAR, "rfm_group" VARCHAR, "lifecycle_stage" VARCHAR);
