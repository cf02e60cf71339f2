// examples/gateway/store/schema.hpp: the tables, in both dialects, and how old ones become new ones.
// A version is never changed once it was released: another one is added behind it.
#pragma once

#include <array>
#include <string_view>

namespace gateway::schema {

// SQLite: step n brings a file from `PRAGMA user_version` n to n + 1, inside a transaction of the caller's.
inline constexpr std::array<char const*, 2> sqlite_steps{
    R"(CREATE TABLE api_key (
         digest TEXT PRIMARY KEY, name TEXT NOT NULL, rate_limit INTEGER NOT NULL, enabled INTEGER NOT NULL,
         expires INTEGER) WITHOUT ROWID;
       CREATE TABLE audit (
         id TEXT PRIMARY KEY, at INTEGER NOT NULL, key_name TEXT NOT NULL, client TEXT NOT NULL, method TEXT NOT NULL,
         path TEXT NOT NULL, status INTEGER NOT NULL, took INTEGER NOT NULL, request_bytes INTEGER NOT NULL,
         response_bytes INTEGER NOT NULL) WITHOUT ROWID;
       CREATE INDEX audit_by_key ON audit (key_name, at);)",
    "ALTER TABLE audit ADD COLUMN request_id TEXT NOT NULL DEFAULT ''"};

// PostgreSQL: one statement, so it is done whole or not at all; of several gateways that start at a time one does it.
inline constexpr char const* postgres = R"(DO $migration$
BEGIN
  PERFORM pg_advisory_xact_lock(7018425091);
  CREATE TABLE IF NOT EXISTS gateway_schema (version int PRIMARY KEY);
  IF NOT EXISTS (SELECT FROM gateway_schema WHERE version = 1) THEN
    CREATE TABLE api_key (
      digest text PRIMARY KEY, name text NOT NULL, rate_limit bigint NOT NULL, enabled boolean NOT NULL, expires bigint);
    CREATE TABLE audit (
      id uuid PRIMARY KEY, at bigint NOT NULL, key_name text NOT NULL, client text NOT NULL, method text NOT NULL,
      path text NOT NULL, status bigint NOT NULL, took bigint NOT NULL, request_bytes bigint NOT NULL,
      response_bytes bigint NOT NULL);
    CREATE INDEX audit_by_key ON audit (key_name, at);
    INSERT INTO gateway_schema VALUES (1);
  END IF;
  IF NOT EXISTS (SELECT FROM gateway_schema WHERE version = 2) THEN
    ALTER TABLE audit ADD COLUMN request_id text NOT NULL DEFAULT '';
    INSERT INTO gateway_schema VALUES (2);
  END IF;
END $migration$)";

} // namespace gateway::schema
