using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace Evose.Admin.Platform.Data;

/// <summary>Lets the migration tool build the model without starting the app.</summary>
internal sealed class DesignTimeAdminDb : IDesignTimeDbContextFactory<AdminDb>
{
    public AdminDb CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<AdminDb>().UseSqlite("Data Source=design.db").Options, new WriteGate(), new CatalogStamp());
}

/// <summary>The same for PostgreSQL.</summary>
internal sealed class DesignTimePostgresAdminDb : IDesignTimeDbContextFactory<PostgresAdminDb>
{
    public PostgresAdminDb CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<PostgresAdminDb>().UseNpgsql("Host=design").Options, new WriteGate(), new CatalogStamp());
}
