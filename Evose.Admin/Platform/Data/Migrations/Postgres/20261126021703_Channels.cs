using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
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
                type: "text",
                nullable: false,
                defaultValue: "",
                collation: "C");

            migrationBuilder.AddColumn<long>(
                name: "snoozed_until",
                table: "notification",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "ladder",
                table: "credential",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.CreateTable(
                name: "notification_channel",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    kind = table.Column<int>(type: "integer", nullable: false),
                    name = table.Column<string>(type: "character varying(80)", maxLength: 80, nullable: false, collation: "C"),
                    kinds = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    min_severity = table.Column<int>(type: "integer", nullable: false),
                    language = table.Column<string>(type: "character varying(8)", maxLength: 8, nullable: false, collation: "C"),
                    includes_workspaces = table.Column<bool>(type: "boolean", nullable: false),
                    host = table.Column<string>(type: "character varying(260)", maxLength: 260, nullable: true, collation: "C"),
                    sealed_url = table.Column<byte[]>(type: "bytea", nullable: true),
                    sealed_secret = table.Column<byte[]>(type: "bytea", nullable: true),
                    recipients = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    standard_headers = table.Column<bool>(type: "boolean", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    created_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    disabled_at = table.Column<long>(type: "bigint", nullable: true),
                    disabled_why = table.Column<string>(type: "character varying(300)", maxLength: 300, nullable: true, collation: "C"),
                    leased_by = table.Column<byte[]>(type: "bytea", nullable: true),
                    leased_until = table.Column<long>(type: "bigint", nullable: true),
                    revision = table.Column<int>(type: "integer", nullable: false)
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
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    ladder = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    escalate_after_days = table.Column<int>(type: "integer", nullable: false),
                    banner_from_day = table.Column<int>(type: "integer", nullable: true),
                    block_from_day = table.Column<int>(type: "integer", nullable: true),
                    revision = table.Column<int>(type: "integer", nullable: false),
                    changed_at = table.Column<long>(type: "bigint", nullable: false),
                    changed_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    stamp = table.Column<long>(type: "bigint", nullable: false)
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
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    channel_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    notification_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    number = table.Column<long>(type: "bigint", nullable: false),
                    state = table.Column<int>(type: "integer", nullable: false),
                    attempts = table.Column<int>(type: "integer", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    next_attempt_at = table.Column<long>(type: "bigint", nullable: false),
                    give_up_at = table.Column<long>(type: "bigint", nullable: false),
                    last_attempt_at = table.Column<long>(type: "bigint", nullable: true),
                    finished_at = table.Column<long>(type: "bigint", nullable: true),
                    last_status = table.Column<int>(type: "integer", nullable: true),
                    last_answer = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true, collation: "C"),
                    digest_id = table.Column<byte[]>(type: "bytea", nullable: true)
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
