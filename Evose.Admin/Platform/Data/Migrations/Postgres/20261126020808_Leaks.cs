using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class Leaks : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "frozen_at",
                table: "credential",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "frozen_by",
                table: "credential",
                type: "character varying(256)",
                maxLength: 256,
                nullable: true,
                collation: "C");

            migrationBuilder.CreateTable(
                name: "leak_report",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    credential = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: true, collation: "C"),
                    version = table.Column<int>(type: "integer", nullable: true),
                    source = table.Column<int>(type: "integer", nullable: false),
                    place = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true, collation: "C"),
                    note = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true, collation: "C"),
                    reported_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    reported_at = table.Column<long>(type: "bigint", nullable: false),
                    suspected_since = table.Column<long>(type: "bigint", nullable: false),
                    seen = table.Column<int>(type: "integer", nullable: false),
                    last_seen_at = table.Column<long>(type: "bigint", nullable: false),
                    state = table.Column<int>(type: "integer", nullable: false),
                    closed_at = table.Column<long>(type: "bigint", nullable: true),
                    resolution = table.Column<int>(type: "integer", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_leak_report", x => x.id);
                    table.ForeignKey(
                        name: "FK_leak_report_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "value_fingerprint",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    version_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    field = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false, collation: "C"),
                    fingerprint = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_value_fingerprint", x => x.id);
                    table.ForeignKey(
                        name: "FK_value_fingerprint_credential_version_version_id",
                        column: x => x.version_id,
                        principalTable: "credential_version",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "leak_step",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    report_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    act = table.Column<int>(type: "integer", nullable: false),
                    by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    at = table.Column<long>(type: "bigint", nullable: false),
                    note = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_leak_step", x => x.id);
                    table.ForeignKey(
                        name: "FK_leak_step_leak_report_report_id",
                        column: x => x.report_id,
                        principalTable: "leak_report",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_leak_report_credential_id_state",
                table: "leak_report",
                columns: new[] { "credential_id", "state" });

            migrationBuilder.CreateIndex(
                name: "ix_leak_report_workspace_id_reported_at",
                table: "leak_report",
                columns: new[] { "workspace_id", "reported_at" });

            migrationBuilder.CreateIndex(
                name: "ix_leak_step_report_id",
                table: "leak_step",
                column: "report_id");

            migrationBuilder.CreateIndex(
                name: "ix_value_fingerprint_fingerprint",
                table: "value_fingerprint",
                column: "fingerprint");

            migrationBuilder.CreateIndex(
                name: "ix_value_fingerprint_version_id",
                table: "value_fingerprint",
                column: "version_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "leak_step");

            migrationBuilder.DropTable(
                name: "value_fingerprint");

            migrationBuilder.DropTable(
                name: "leak_report");

            migrationBuilder.DropColumn(
                name: "frozen_at",
                table: "credential");

            migrationBuilder.DropColumn(
                name: "frozen_by",
                table: "credential");
        }
    }
}
