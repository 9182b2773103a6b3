ALTER TABLE "model_versions" ADD COLUMN "trained_by" VARCHAR;
ALTER TABLE "tier_policies" ADD COLUMN "kind" VARCHAR;
ALTER TABLE "tier_policies" ADD COLUMN "settings" JSON;
ALTER TABLE "tier_policies" ADD COLUMN "is_active" BOOLEAN;
UPDATE "tier_policies" SET "kind" = 'probability', "settings" = '{}', "is_active" = "version" = (SELECT max("version") FROM "tier_policies");
ALTER TABLE "audit_log" ADD COLUMN "person" VARCHAR;
CREATE TABLE "trials" ("trial_id" INTEGER, "made_at" TIMESTAMP, "kind" VARCHAR, "source" VARCHAR, "data_version" BIGINT, "definition_version" INTEGER, "result" JSON, PRIMARY KEY ("trial_id"));
CREATE TABLE "replays" ("replay_id" INTEGER, "made_at" TIMESTAMP, "as_of" TIMESTAMP, "model_version" INTEGER, "data_version" BIGINT, "definition_version" INTEGER, "result" JSON, PRIMARY KEY ("replay_id"));
