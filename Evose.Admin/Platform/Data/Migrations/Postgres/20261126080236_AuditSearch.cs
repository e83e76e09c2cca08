using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class AuditSearch : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateIndex(
                name: "ix_credential_name_workspace_id",
                table: "credential",
                columns: new[] { "name", "workspace_id" });

            migrationBuilder.CreateIndex(
                name: "ix_credential_workspace_id_expires_at",
                table: "credential",
                columns: new[] { "workspace_id", "expires_at" },
                filter: "archived_at IS NULL AND expires_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_audit_event_actor_name_seq",
                table: "audit_event",
                columns: new[] { "actor_name", "seq" });

            migrationBuilder.CreateIndex(
                name: "ix_audit_event_subject_credential_id",
                table: "audit_event",
                columns: new[] { "subject", "credential_id" },
                filter: "credential_id IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_credential_name_workspace_id",
                table: "credential");

            migrationBuilder.DropIndex(
                name: "ix_credential_workspace_id_expires_at",
                table: "credential");

            migrationBuilder.DropIndex(
                name: "ix_audit_event_actor_name_seq",
                table: "audit_event");

            migrationBuilder.DropIndex(
                name: "ix_audit_event_subject_credential_id",
                table: "audit_event");
        }
    }
}
