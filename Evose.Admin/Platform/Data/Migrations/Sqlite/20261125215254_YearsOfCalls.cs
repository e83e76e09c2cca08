using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class YearsOfCalls : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // Sums are looked up and changed by their keys alone: without a row number each is stored once.
            migrationBuilder.Sql("""
                ALTER TABLE usage_hour RENAME TO usage_hour_old;
                CREATE TABLE usage_hour (credential_id BLOB NOT NULL, hour INTEGER NOT NULL, version INTEGER NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, key_errors INTEGER NOT NULL, duration_us INTEGER NOT NULL,
                    CONSTRAINT "PK_usage_hour" PRIMARY KEY (credential_id, hour, version)) WITHOUT ROWID;
                INSERT INTO usage_hour (credential_id, hour, version, calls, errors, key_errors, duration_us) SELECT credential_id, hour, version, calls, errors, key_errors, duration_us FROM usage_hour_old;
                DROP TABLE usage_hour_old;
                CREATE TABLE usage_day (credential_id BLOB NOT NULL, day INTEGER NOT NULL, version INTEGER NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, key_errors INTEGER NOT NULL, duration_us INTEGER NOT NULL,
                    CONSTRAINT "PK_usage_day" PRIMARY KEY (credential_id, day, version)) WITHOUT ROWID;
                INSERT INTO usage_day SELECT credential_id, hour / 24, version, sum(calls), sum(errors), sum(key_errors), sum(duration_us) FROM usage_hour GROUP BY 1, 2, 3;
                ALTER TABLE usage_source RENAME TO usage_source_old;
                CREATE TABLE usage_source (day INTEGER NOT NULL, credential_id BLOB NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, last_at INTEGER NOT NULL,
                    CONSTRAINT "PK_usage_source" PRIMARY KEY (day, credential_id, kind, name)) WITHOUT ROWID;
                INSERT INTO usage_source SELECT s.day, s.credential_id, p.key, p.value, sum(s.calls), sum(s.errors), max(s.last_at)
                    FROM usage_source_old s, json_each('[' || replace(json_quote(s.source), '\u001f', '","') || ']') p WHERE p.value <> '' GROUP BY 1, 2, 3, 4;
                DROP TABLE usage_source_old;
                """);

            migrationBuilder.CreateTable(
                name: "call_name",
                columns: table => new
                {
                    kind = table.Column<int>(type: "INTEGER", nullable: false),
                    id = table.Column<string>(type: "TEXT", nullable: false),
                    name = table.Column<string>(type: "TEXT", nullable: false),
                    email = table.Column<string>(type: "TEXT", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_call_name", x => new { x.kind, x.id, x.name, x.email });
                });

            migrationBuilder.CreateTable(
                name: "call_segment",
                columns: table => new
                {
                    number = table.Column<int>(type: "INTEGER", nullable: false),
                    first_seq = table.Column<long>(type: "INTEGER", nullable: false),
                    last_seq = table.Column<long>(type: "INTEGER", nullable: false),
                    after_position = table.Column<long>(type: "INTEGER", nullable: false),
                    last_position = table.Column<long>(type: "INTEGER", nullable: true),
                    link = table.Column<byte[]>(type: "BLOB", nullable: false),
                    mac = table.Column<byte[]>(type: "BLOB", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_call_segment", x => x.number);
                });

            migrationBuilder.CreateTable(
                name: "retired_calls",
                columns: table => new
                {
                    lane = table.Column<string>(type: "TEXT", maxLength: 16, nullable: false),
                    position = table.Column<long>(type: "INTEGER", nullable: false),
                    first_position = table.Column<long>(type: "INTEGER", nullable: false),
                    link = table.Column<byte[]>(type: "BLOB", nullable: false),
                    at = table.Column<long>(type: "INTEGER", nullable: false),
                    before = table.Column<long>(type: "INTEGER", nullable: false),
                    mac = table.Column<byte[]>(type: "BLOB", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_retired_calls", x => new { x.lane, x.position });
                });

            migrationBuilder.CreateIndex(
                name: "ix_call_record_api_key_seq",
                table: "call_record",
                columns: new[] { "api_key", "seq" },
                filter: "api_key IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_call_record_tool_seq",
                table: "call_record",
                columns: new[] { "tool", "seq" },
                filter: "tool IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_call_record_user_id_seq",
                table: "call_record",
                columns: new[] { "user_id", "seq" },
                filter: "user_id IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_call_completion_outcome_call_seq",
                table: "call_completion",
                columns: new[] { "outcome", "call_seq" },
                filter: "outcome <> 1");

            migrationBuilder.CreateIndex(
                name: "ix_audit_event_at",
                table: "audit_event",
                column: "at");

            // Who has been named so far, 3 and 4 as in SourceKind.
            migrationBuilder.Sql("INSERT INTO call_name (kind, id, name, email) SELECT DISTINCT 3, coalesce(user_id, ''), coalesce(user_name, ''), coalesce(user_email, '') FROM call_record WHERE user_id IS NOT NULL OR user_name IS NOT NULL OR user_email IS NOT NULL "
                + "UNION SELECT DISTINCT 4, api_key, '', '' FROM call_record WHERE api_key IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "call_name");

            migrationBuilder.DropTable(
                name: "call_segment");

            migrationBuilder.DropTable(
                name: "retired_calls");

            migrationBuilder.DropTable(
                name: "usage_day");

            migrationBuilder.DropIndex(
                name: "ix_call_record_api_key_seq",
                table: "call_record");

            migrationBuilder.DropIndex(
                name: "ix_call_record_tool_seq",
                table: "call_record");

            migrationBuilder.DropIndex(
                name: "ix_call_record_user_id_seq",
                table: "call_record");

            migrationBuilder.DropIndex(
                name: "ix_call_completion_outcome_call_seq",
                table: "call_completion");

            migrationBuilder.DropIndex(
                name: "ix_audit_event_at",
                table: "audit_event");

            // Which tool was used by whom is not known any more.
            migrationBuilder.Sql("DROP TABLE usage_source; CREATE TABLE usage_source (credential_id BLOB NOT NULL, day INTEGER NOT NULL, source TEXT NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, last_at INTEGER NOT NULL, CONSTRAINT \"PK_usage_source\" PRIMARY KEY (credential_id, day, source))");
        }
    }
}
