ALTER TABLE "worth" ADD COLUMN "typical_spend" DOUBLE;
