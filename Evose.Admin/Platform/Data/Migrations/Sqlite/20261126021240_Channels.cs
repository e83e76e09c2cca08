using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class Channels : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "facts",
                table: "notification",
                type: "TEXT",
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<long>(
                name: "snoozed_until",
                table: "notification",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "ladder",
                table: "credential",
                type: "TEXT",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "notification_channel",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "BLOB", nullable: true),
                    kind = table.Column<int>(type: "INTEGER", nullable: false),
                    name = table.Column<string>(type: "TEXT", maxLength: 80, nullable: false),
                    kinds = table.Column<string>(type: "TEXT", nullable: false),
                    min_severity = table.Column<int>(type: "INTEGER", nullable: false),
                    language = table.Column<string>(type: "TEXT", maxLength: 8, nullable: false),
                    includes_workspaces = table.Column<bool>(type: "INTEGER", nullable: false),
                    host = table.Column<string>(type: "TEXT", maxLength: 260, nullable: true),
                    sealed_url = table.Column<byte[]>(type: "BLOB", nullable: true),
                    sealed_secret = table.Column<byte[]>(type: "BLOB", nullable: true),
                    recipients = table.Column<string>(type: "TEXT", nullable: false),
                    standard_headers = table.Column<bool>(type: "INTEGER", nullable: false),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false),
                    created_by = table.Column<string>(type: "TEXT", maxLength: 256, nullable: false),
                    disabled_at = table.Column<long>(type: "INTEGER", nullable: true),
                    disabled_why = table.Column<string>(type: "TEXT", maxLength: 300, nullable: true),
                    leased_by = table.Column<byte[]>(type: "BLOB", nullable: true),
                    leased_until = table.Column<long>(type: "INTEGER", nullable: true),
                    revision = table.Column<int>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_notification_channel", x => x.id);
                    table.ForeignKey(
                        name: "FK_notification_channel_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id");
                });

            migrationBuilder.CreateTable(
                name: "notification_settings",
                columns: table => new
                {
                    workspace_id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    ladder = table.Column<string>(type: "TEXT", nullable: true),
                    escalate_after_days = table.Column<int>(type: "INTEGER", nullable: false),
                    banner_from_day = table.Column<int>(type: "INTEGER", nullable: true),
                    block_from_day = table.Column<int>(type: "INTEGER", nullable: true),
                    revision = table.Column<int>(type: "INTEGER", nullable: false),
                    changed_at = table.Column<long>(type: "INTEGER", nullable: false),
                    changed_by = table.Column<string>(type: "TEXT", maxLength: 256, nullable: false),
                    stamp = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_notification_settings", x => x.workspace_id);
                    table.ForeignKey(
                        name: "FK_notification_settings_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "delivery",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    channel_id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    notification_id = table.Column<byte[]>(type: "BLOB", nullable: true),
                    number = table.Column<long>(type: "INTEGER", nullable: false),
                    state = table.Column<int>(type: "INTEGER", nullable: false),
                    attempts = table.Column<int>(type: "INTEGER", nullable: false),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false),
                    next_attempt_at = table.Column<long>(type: "INTEGER", nullable: false),
                    give_up_at = table.Column<long>(type: "INTEGER", nullable: false),
                    last_attempt_at = table.Column<long>(type: "INTEGER", nullable: true),
                    finished_at = table.Column<long>(type: "INTEGER", nullable: true),
                    last_status = table.Column<int>(type: "INTEGER", nullable: true),
                    last_answer = table.Column<string>(type: "TEXT", maxLength: 200, nullable: true),
                    digest_id = table.Column<byte[]>(type: "BLOB", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_delivery", x => x.id);
                    table.ForeignKey(
                        name: "FK_delivery_notification_channel_channel_id",
                        column: x => x.channel_id,
                        principalTable: "notification_channel",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "FK_delivery_notification_notification_id",
                        column: x => x.notification_id,
                        principalTable: "notification",
                        principalColumn: "id");
                });

            migrationBuilder.CreateIndex(
                name: "ix_delivery_channel_id_notification_id",
                table: "delivery",
                columns: new[] { "channel_id", "notification_id" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_delivery_channel_id_number",
                table: "delivery",
                columns: new[] { "channel_id", "number" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_delivery_notification_id",
                table: "delivery",
                column: "notification_id");

            migrationBuilder.CreateIndex(
                name: "ix_delivery_state_next_attempt_at",
                table: "delivery",
                columns: new[] { "state", "next_attempt_at" });

            migrationBuilder.CreateIndex(
                name: "ix_notification_channel_workspace_id",
                table: "notification_channel",
                column: "workspace_id");

            migrationBuilder.CreateIndex(
                name: "ix_notification_settings_stamp",
                table: "notification_settings",
                column: "stamp");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "delivery");

            migrationBuilder.DropTable(
                name: "notification_settings");

            migrationBuilder.DropTable(
                name: "notification_channel");

            migrationBuilder.DropColumn(
                name: "facts",
                table: "notification");

            migrationBuilder.DropColumn(
                name: "snoozed_until",
                table: "notification");

            migrationBuilder.DropColumn(
                name: "ladder",
                table: "credential");
        }
    }
}
