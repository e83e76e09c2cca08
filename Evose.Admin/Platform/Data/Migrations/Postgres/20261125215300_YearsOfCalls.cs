using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class YearsOfCalls : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("""
                ALTER TABLE usage_source RENAME TO usage_source_old;
                ALTER TABLE usage_source_old RENAME CONSTRAINT "PK_usage_source" TO "PK_usage_source_old";
                CREATE TABLE usage_source (day integer NOT NULL, credential_id bytea NOT NULL, kind integer NOT NULL, name text COLLATE "C" NOT NULL, calls bigint NOT NULL, errors bigint NOT NULL, last_at bigint NOT NULL,
                    CONSTRAINT "PK_usage_source" PRIMARY KEY (day, credential_id, kind, name));
                INSERT INTO usage_source SELECT s.day, s.credential_id, p.place - 1, p.name, sum(s.calls), sum(s.errors), max(s.last_at)
                    FROM usage_source_old s, unnest(string_to_array(s.source, chr(31))) WITH ORDINALITY p(name, place) WHERE p.name <> '' GROUP BY 1, 2, 3, 4;
                DROP TABLE usage_source_old;
                """);

            migrationBuilder.CreateTable(
                name: "call_name",
                columns: table => new
                {
                    kind = table.Column<int>(type: "integer", nullable: false),
                    id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    name = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    email = table.Column<string>(type: "text", nullable: false, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_call_name", x => new { x.kind, x.id, x.name, x.email });
                });

            migrationBuilder.CreateTable(
                name: "call_segment",
                columns: table => new
                {
                    number = table.Column<int>(type: "integer", nullable: false),
                    first_seq = table.Column<long>(type: "bigint", nullable: false),
                    last_seq = table.Column<long>(type: "bigint", nullable: false),
                    after_position = table.Column<long>(type: "bigint", nullable: false),
                    last_position = table.Column<long>(type: "bigint", nullable: true),
                    link = table.Column<byte[]>(type: "bytea", nullable: false),
                    mac = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_call_segment", x => x.number);
                });

            migrationBuilder.CreateTable(
                name: "retired_calls",
                columns: table => new
                {
                    lane = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false, collation: "C"),
                    position = table.Column<long>(type: "bigint", nullable: false),
                    first_position = table.Column<long>(type: "bigint", nullable: false),
                    link = table.Column<byte[]>(type: "bytea", nullable: false),
                    at = table.Column<long>(type: "bigint", nullable: false),
                    before = table.Column<long>(type: "bigint", nullable: false),
                    mac = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_retired_calls", x => new { x.lane, x.position });
                });

            migrationBuilder.CreateTable(
                name: "usage_day",
                columns: table => new
                {
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    day = table.Column<int>(type: "integer", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    calls = table.Column<long>(type: "bigint", nullable: false),
                    errors = table.Column<long>(type: "bigint", nullable: false),
                    key_errors = table.Column<long>(type: "bigint", nullable: false),
                    duration_us = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_usage_day", x => new { x.credential_id, x.day, x.version });
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
            migrationBuilder.Sql("INSERT INTO usage_day SELECT credential_id, hour / 24, version, sum(calls), sum(errors), sum(key_errors), sum(duration_us) FROM usage_hour GROUP BY 1, 2, 3");
            migrationBuilder.AddCallDrop();
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
            migrationBuilder.Sql("DROP TABLE usage_source; CREATE TABLE usage_source (credential_id bytea NOT NULL, day integer NOT NULL, source text COLLATE \"C\" NOT NULL, calls bigint NOT NULL, errors bigint NOT NULL, last_at bigint NOT NULL, CONSTRAINT \"PK_usage_source\" PRIMARY KEY (credential_id, day, source))");
            migrationBuilder.Sql("DROP FUNCTION evose_call_drop(text, bigint)");
        }
    }
}
