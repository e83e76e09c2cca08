using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class ChannelsLeaksHygiene : Migration
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

            migrationBuilder.AddColumn<string>(
                name: "ladder",
                table: "credential",
                type: "TEXT",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "hygiene_finding",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    rule = table.Column<string>(type: "TEXT", maxLength: 32, nullable: false),
                    key = table.Column<string>(type: "TEXT", maxLength: 80, nullable: false),
                    subject_kind = table.Column<int>(type: "INTEGER", nullable: false),
                    subject_id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    subject = table.Column<string>(type: "TEXT", maxLength: 64, nullable: false),
                    severity = table.Column<int>(type: "INTEGER", nullable: false),
                    text = table.Column<string>(type: "TEXT", maxLength: 1000, nullable: false),
                    facts_hash = table.Column<string>(type: "TEXT", maxLength: 32, nullable: false),
                    place = table.Column<int>(type: "INTEGER", nullable: false),
                    fix = table.Column<int>(type: "INTEGER", nullable: false),
                    members = table.Column<string>(type: "TEXT", nullable: false),
                    first_seen_at = table.Column<long>(type: "INTEGER", nullable: false),
                    last_seen_at = table.Column<long>(type: "INTEGER", nullable: false),
                    resolved_at = table.Column<long>(type: "INTEGER", nullable: true),
                    accepted_at = table.Column<long>(type: "INTEGER", nullable: true),
                    accepted_by = table.Column<string>(type: "TEXT", maxLength: 256, nullable: true),
                    accept_reason = table.Column<string>(type: "TEXT", maxLength: 500, nullable: true),
                    accepted_until = table.Column<long>(type: "INTEGER", nullable: true),
                    told_at = table.Column<long>(type: "INTEGER", nullable: true),
                    revision = table.Column<int>(type: "INTEGER", nullable: false)
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
                    workspace_id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    at = table.Column<long>(type: "INTEGER", nullable: false),
                    audit_seq = table.Column<long>(type: "INTEGER", nullable: false),
                    subjects = table.Column<int>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_hygiene_look", x => x.workspace_id);
                });

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
                name: "ix_notification_channel_workspace_id",
                table: "notification_channel",
                column: "workspace_id");

            migrationBuilder.CreateIndex(
                name: "ix_notification_settings_stamp",
                table: "notification_settings",
                column: "stamp");

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
                name: "delivery");

            migrationBuilder.DropTable(
                name: "hygiene_finding");

            migrationBuilder.DropTable(
                name: "hygiene_look");

            migrationBuilder.DropTable(
                name: "leak_step");

            migrationBuilder.DropTable(
                name: "notification_settings");

            migrationBuilder.DropTable(
                name: "value_fingerprint");

            migrationBuilder.DropTable(
                name: "notification_channel");

            migrationBuilder.DropTable(
                name: "leak_report");

            migrationBuilder.DropColumn(
                name: "facts",
                table: "notification");

            migrationBuilder.DropColumn(
                name: "snoozed_until",
                table: "notification");

            migrationBuilder.DropColumn(
                name: "frozen_at",
                table: "credential");

            migrationBuilder.DropColumn(
                name: "frozen_by",
                table: "credential");

            migrationBuilder.DropColumn(
                name: "ladder",
                table: "credential");
        }
    }
}
