using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class CredentialKinds : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "expires_at",
                table: "credential_version",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<bool>(
                name: "is_rolled",
                table: "credential_version",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<string>(
                name: "plain_fields",
                table: "credential_version",
                type: "text",
                nullable: false,
                defaultValue: "",
                collation: "C");

            migrationBuilder.AddColumn<bool>(
                name: "allow_in_url",
                table: "credential",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<string>(
                name: "injection",
                table: "credential",
                type: "text",
                nullable: false,
                defaultValue: "",
                collation: "C");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "expires_at",
                table: "credential_version");

            migrationBuilder.DropColumn(
                name: "is_rolled",
                table: "credential_version");

            migrationBuilder.DropColumn(
                name: "plain_fields",
                table: "credential_version");

            migrationBuilder.DropColumn(
                name: "allow_in_url",
                table: "credential");

            migrationBuilder.DropColumn(
                name: "injection",
                table: "credential");
        }
    }
}
