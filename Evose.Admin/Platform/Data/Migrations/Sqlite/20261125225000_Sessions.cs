using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class Sessions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<int>(
                name: "rolled_from",
                table: "credential_version",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<long>(
                name: "needs_sign_in_at",
                table: "credential",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "needs_sign_in_why",
                table: "credential",
                type: "TEXT",
                maxLength: 200,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "session",
                table: "credential",
                type: "TEXT",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "rolled_from",
                table: "credential_version");

            migrationBuilder.DropColumn(
                name: "needs_sign_in_at",
                table: "credential");

            migrationBuilder.DropColumn(
                name: "needs_sign_in_why",
                table: "credential");

            migrationBuilder.DropColumn(
                name: "session",
                table: "credential");
        }
    }
}
