using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Evose.Admin.Platform.Data;

/// <summary>LIKE does not tell ASCII capitals from small letters, on either engine: on PostgreSQL it becomes ILIKE, which in collation C folds ASCII and nothing else.</summary>
internal sealed class CaselessLike : IQueryExpressionInterceptor
{
    /// <summary>EF keeps a set of services for each instance it is given.</summary>
    public static readonly CaselessLike One = new();

    public Expression QueryCompilationStarting(Expression queryExpression, QueryExpressionEventData eventData) => Rewriter.Only.Visit(queryExpression);

    private sealed class Rewriter : ExpressionVisitor
    {
        public static readonly Rewriter Only = new();

        protected override Expression VisitMethodCall(MethodCallExpression node) =>
            node.Method.DeclaringType == typeof(DbFunctionsExtensions) && node.Method.Name == nameof(DbFunctionsExtensions.Like)
                ? Expression.Call(typeof(NpgsqlDbFunctionsExtensions), nameof(NpgsqlDbFunctionsExtensions.ILike), null, [.. node.Arguments.Select(a => Visit(a))])
                : base.VisitMethodCall(node);
    }
}
