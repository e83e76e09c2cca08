using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Evose.Admin.Platform.Data;

/// <summary>LIKE does not tell ASCII capitals from small letters, on either engine: on PostgreSQL it becomes ILIKE, which in collation C folds ASCII and nothing else.</summary>
internal sealed class CaselessLike : IQueryExpressionInterceptor
{
    public Expression QueryCompilationStarting(Expression queryExpression, QueryExpressionEventData eventData) => Rewriter.One.Visit(queryExpression);

    private sealed class Rewriter : ExpressionVisitor
    {
        public static readonly Rewriter One = new();

        protected override Expression VisitMethodCall(MethodCallExpression node) =>
            node.Method.DeclaringType == typeof(DbFunctionsExtensions) && node.Method.Name == nameof(DbFunctionsExtensions.Like)
                ? Expression.Call(typeof(NpgsqlDbFunctionsExtensions), nameof(NpgsqlDbFunctionsExtensions.ILike), null, [.. node.Arguments.Select(a => Visit(a))])
                : base.VisitMethodCall(node);
    }
}
