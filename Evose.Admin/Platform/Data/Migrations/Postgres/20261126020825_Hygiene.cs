using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class Hygiene : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "hygiene_finding",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    rule = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false, collation: "C"),
                    key = table.Column<string>(type: "character varying(80)", maxLength: 80, nullable: false, collation: "C"),
                    subject_kind = table.Column<int>(type: "integer", nullable: false),
                    subject_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    subject = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C"),
                    severity = table.Column<int>(type: "integer", nullable: false),
                    text = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: false, collation: "C"),
                    facts_hash = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false, collation: "C"),
                    place = table.Column<int>(type: "integer", nullable: false),
                    fix = table.Column<int>(type: "integer", nullable: false),
                    members = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    first_seen_at = table.Column<long>(type: "bigint", nullable: false),
                    last_seen_at = table.Column<long>(type: "bigint", nullable: false),
                    resolved_at = table.Column<long>(type: "bigint", nullable: true),
                    accepted_at = table.Column<long>(type: "bigint", nullable: true),
                    accepted_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: true, collation: "C"),
                    accept_reason = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true, collation: "C"),
                    accepted_until = table.Column<long>(type: "bigint", nullable: true),
                    told_at = table.Column<long>(type: "bigint", nullable: true),
                    revision = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_hygiene_finding", x => x.id);
                    table.ForeignKey(
                        name: "FK_hygiene_finding_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "hygiene_look",
                columns: table => new
                {
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    at = table.Column<long>(type: "bigint", nullable: false),
                    audit_seq = table.Column<long>(type: "bigint", nullable: false),
                    subjects = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_hygiene_look", x => x.workspace_id);
                });

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_key",
                table: "hygiene_finding",
                column: "key",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_subject_id",
                table: "hygiene_finding",
                column: "subject_id");

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_workspace_id",
                table: "hygiene_finding",
                column: "workspace_id",
                filter: "told_at IS NULL AND resolved_at IS NULL AND severity = 2");

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_workspace_id_resolved_at",
                table: "hygiene_finding",
                columns: new[] { "workspace_id", "resolved_at" },
                filter: "resolved_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_workspace_id_severity_rule_subject",
                table: "hygiene_finding",
                columns: new[] { "workspace_id", "severity", "rule", "subject" },
                filter: "resolved_at IS NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "hygiene_finding");

            migrationBuilder.DropTable(
                name: "hygiene_look");
        }
    }
}
