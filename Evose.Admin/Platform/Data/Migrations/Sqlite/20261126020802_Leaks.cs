using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Sqlite
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
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "frozen_by",
                table: "credential",
                type: "TEXT",
                maxLength: 256,
                nullable: true);

            migrationBuilder.CreateTable(
                name: "leak_report",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    credential_id = table.Column<byte[]>(type: "BLOB", nullable: true),
                    credential = table.Column<string>(type: "TEXT", maxLength: 64, nullable: true),
                    version = table.Column<int>(type: "INTEGER", nullable: true),
                    source = table.Column<int>(type: "INTEGER", nullable: false),
                    place = table.Column<string>(type: "TEXT", maxLength: 500, nullable: true),
                    note = table.Column<string>(type: "TEXT", maxLength: 1000, nullable: true),
                    reported_by = table.Column<string>(type: "TEXT", maxLength: 256, nullable: false),
                    reported_at = table.Column<long>(type: "INTEGER", nullable: false),
                    suspected_since = table.Column<long>(type: "INTEGER", nullable: false),
                    seen = table.Column<int>(type: "INTEGER", nullable: false),
                    last_seen_at = table.Column<long>(type: "INTEGER", nullable: false),
                    state = table.Column<int>(type: "INTEGER", nullable: false),
                    closed_at = table.Column<long>(type: "INTEGER", nullable: true),
                    resolution = table.Column<int>(type: "INTEGER", nullable: true)
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
                    id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    version_id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    field = table.Column<string>(type: "TEXT", maxLength: 32, nullable: false),
                    fingerprint = table.Column<string>(type: "TEXT", maxLength: 64, nullable: false)
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
                    id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    report_id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    act = table.Column<int>(type: "INTEGER", nullable: false),
                    by = table.Column<string>(type: "TEXT", maxLength: 256, nullable: false),
                    at = table.Column<long>(type: "INTEGER", nullable: false),
                    note = table.Column<string>(type: "TEXT", maxLength: 1000, nullable: true)
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
